"""Networks: events and times in, one vector per particle out; `options` says what there is, without torch."""
