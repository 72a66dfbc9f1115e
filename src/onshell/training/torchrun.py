"""torchrun as `onshell train --processes` starts it: what its processes say of a failure is enough."""

import logging
import os
import sys

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from onshell.core.errors import unexpected

if __name__ == "__main__":
    logging.disable(logging.ERROR)
    try:
        main()
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        sys.exit(code if code > 0 else 128 - code)
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except Exception as error:
        if os.environ.get("ONSHELL_TRACEBACK", "0") not in ("", "0"):
            raise
        sys.exit(f"onshell: error: torchrun: {unexpected(error)}")
