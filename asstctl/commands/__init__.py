"""One module for each word after `asstctl`."""
