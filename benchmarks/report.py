def write(run):
    raise NotImplementedError
