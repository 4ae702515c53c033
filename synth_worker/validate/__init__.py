"""`gristmill validate`: ppl, sft, grpo, lm."""
