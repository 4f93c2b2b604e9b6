"""RobustFT's parts: experts answer, a posterior tells noisy from clean, noisy items are answered again with context.

Torch-free: language models are behind a `backends.Backend`, embeddings come as arrays. `clean.judge_labels` tells the
order. In the order in which they are needed:

| | |
|---|---|
| `question`, `experts`, `prompts`, `parse`, `judges` | what a language model is asked, how, and what it said |
| `meaning`, `answers` | answers written freely, compared by what they mean, become choices |
| `panel`, `learned`, `classifier` | experts, a classifier across folds and annotators: the posterior |
| `nearest` | clean items that are shown when a doubted item is asked about again |
| `decide`, `decision`, `select` | what becomes of each label, by which rule; which new labels are sure enough |
| `output`, `table` | the folder of cleaned data, and its tables |
| `confident`, `co_prediction`, `votes` | what the methods it is compared with are made of |
"""
