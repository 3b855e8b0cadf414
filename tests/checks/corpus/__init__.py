"""Losses with a known defect and losses with none, each checked once: how good is the checker?"""
