"""Comparisons with peers and limits: `make bench`, `make bench ONLY=search`.

Times are noisy, so no entry promises seconds: each measures ours and its peer in turn within one run, and
what counts is the median of the paired ratios.
"""
