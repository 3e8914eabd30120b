"""`python -m pointsman`: the command line."""

from pointsman.cli.main import main

if __name__ == "__main__":
    main()
