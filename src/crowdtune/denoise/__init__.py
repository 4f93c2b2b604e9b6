"""RobustFT's parts: experts answer, a posterior tells noisy from clean, noisy items are answered again with context.

Torch-free: language models are behind a `backends.Backend`, embeddings come as arrays.
"""
