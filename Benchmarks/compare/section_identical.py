def identical(run): pass
