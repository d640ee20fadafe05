"""`python -m asstctl.completion` writes the scripts."""

from asstctl.completion._scripts import main

if __name__ == "__main__":
    main()
