"""Near-duplicates of documents and of questions: the steps of one engine, which runs on executors."""
