"""The page of a scale: everything that was made, on one sheet that can be mailed, printed and read on a phone."""
