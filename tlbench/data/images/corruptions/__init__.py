"""Fifteen common corruptions of images at five strengths (Hendrycks & Dietterich, ICLR 2019, arXiv:1903.12261)."""
