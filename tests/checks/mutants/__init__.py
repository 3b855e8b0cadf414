"""Losses of the catalogue with one small error each, sown by a program: does the check alone notice?"""
