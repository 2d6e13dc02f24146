"""Compiles what `sam build` made: Lambda's code folder is read-only, so a package without bytecode is compiled anew at
every cold start. `unchecked-hash` because Lambda does not keep the files' times."""

import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

BUILD = Path(".aws-sam/build")


def main() -> int:
    compiled = compileall.compile_dir(
        BUILD, quiet=1, force=True, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    files = list(BUILD.rglob("*.pyc"))
    print(f"compiled {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB of bytecode")
    return 0 if compiled and files else 1


if __name__ == "__main__":
    sys.exit(main())
