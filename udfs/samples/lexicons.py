"""Patterns of words that show reasoning in a chain of thought, in English and Chinese.

The kinds are those of two papers; the lists are our own. LIMO (arXiv 2502.03387) scores self-verification,
exploration and adaptive granularity by such words and does not publish its lists. Gandhi et al. (arXiv
2503.01307) define the cognitive behaviours verification, backtracking, subgoal setting and backward chaining.
"""

from __future__ import annotations

import re

# The four behaviours of Gandhi et al. Gaps within a phrase
# are bounded (.{1,40}), so no text takes quadratic time.
VERIFICATION = (
    r"(?:let(?:'|’)?s|let us|to|we|i) (?:double[- ])?(?:check|verify|confirm)|double[- ]check"
    r"|checking (?:this|that|our|the)|(?:this|that|it) checks out"
    r"|as a check|sanity check|plug(?:ging)? .{1,40} back"
    r"|检查一下|检验|验证|验算|核对|核实|代入检验|代回"
)
BACKTRACKING = (
    r"\bwait\b|\bhmm\b|on second thought|that(?:'|’)s not right|that is not right|(?:this|that) (?:does not"
    r"|doesn(?:'|’)t|won(?:'|’)t) work"
    r"|let(?:'|’)?s (?:try again|go back|start over)|i made a mistake|try another|instead, (?:we|let)"
    r"|等等，|等一下|不对，|这样不行|行不通|换一种|重新考虑|回到前面|推倒重来"
)
SUBGOAL = (
    r"\bfirst(?:ly)?,|\bsecond(?:ly)?,|\bthird(?:ly)?,|\bnext,|\bfinally,|\bstep \d+|(?:we"
    r"|i) (?:first )?need to (?:find|show"
    r"|compute|determine)|the (?:first|next) step|break (?:this|it|the problem) (?:down|into)"
    r"|首先|其次|然后|接着|最后|第[一二三四五六七八九十\d]+步|先求|再求|分为.{1,6}步"
)
BACKWARD = (
    r"work(?:ing)? backwards?|start(?:ing)? from the (?:goal|end|answer|result)|what (?:would|do) (?:we"
    r"|i) need (?:for|to)"
    r"|in order (?:to|for) .{1,60}(?:we|it) (?:need|must)|it (?:is enough|suffices) to"
    r"|倒推|反推|逆推|从结论出发|要(?:证明|得到|求).{1,30}只需|只需证明"
)
# The two kinds of LIMO that are not among them.
EXPLORATION = (
    r"\b(?:perhaps|maybe|might|could it be|possibly|suppose|assume|what if|alternatively"
    r"|consider)\b|也许|或许|可能|假设|假如|不妨|试试|考虑"
)
GRANULARITY = (
    r"\b(?:therefore|thus|hence|since|because|so that|consequently|it follows|which means"
    r"|as a result)\b|因此|所以|由于|因为|从而|于是|这意味着|可见|由此"
)
# Words that mention the source text or the model: a sample must make sense without either.
LEAKAGE = (
    r"(?:the|this) (?:passage|excerpt|extract|text|document|article|summary|summaries|reasoning"
    r"|segment)s? (?:above|below"
    r"|provided|given|states?|says?|mentions?|explains?|describes?)"
    r"|(?:given|provided|above|following|based on the) (?:passage|excerpt|extract|text|document|article"
    r"|summary|summaries|reasoning)"
    r"|according to the (?:passage|text|document|article|summary|summaries)"
    r"|as an ai\b|language model|i cannot (?:answer|help)"
    r"|(?:上述|以上|上面|下面|本|该|这段|给定的?|所给的?)(?:文本|文章|段落|文字|摘录|摘要|材料|推理|内容)(?:中|里|提到|指出|说明|讲)"
    r"|根据(?:上述|以上|所给|给定)?(?:文本|文章|段落|材料|摘要)|网页摘录|作为(?:一个)?(?:AI|人工智能|语言模型)"
)
BEHAVIOURS = {
    "n_verification": VERIFICATION,
    "n_backtracking": BACKTRACKING,
    "n_subgoals": SUBGOAL,
    "n_backward": BACKWARD,
}
STYLE = {"n_exploration": EXPLORATION, "n_connectives": GRANULARITY}
# column of `sample_signals` -> its pattern
PATTERNS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {**BEHAVIOURS, **STYLE, "n_leaks": LEAKAGE}.items()
}


def count(name: str, text: str) -> int:
    """Number of matches of PATTERNS[name] in a text, without overlaps. Raises KeyError for another name."""
    return sum(1 for _ in PATTERNS[name].finditer(text))
