"""An input as jobs of the service's Batch API: cut into files, submitted, waited for, downloaded.

In: an input of `batch run` and a directory of the jobs' own. Out: lines as `batch run` writes them.
The rule: what is done stands in the directory's journal before and after it is done, so that every command can be
killed anywhere and begun again.
"""
