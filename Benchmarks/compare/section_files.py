def opening(run): pass
def cold(run): pass
