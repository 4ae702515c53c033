"""The arithmetic of the demo corpus: the numbers of the `num` lines of a topic and of the worked problems are computed here.

Every function takes a seeded generator and gives named values that both languages fill into their own sentences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

Values = dict[str, Any]


def shown(value: Any) -> str:
    """A number as prose writes it: thousands separated, at most two decimals, no trailing zeros."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _bread(r: Random) -> Values:
    flour, hyd, st = r.randrange(600, 9000, 100), r.randrange(60, 86), r.randrange(10, 31)
    water, salt, starter = flour * hyd // 100, flour * 2 // 100, flour * st // 100
    total, loaves = flour + water + salt + starter, max(2, flour // r.choice([350, 400, 450, 500, 550]))
    return {"flour": flour, "hyd": hyd, "st": st, "water": water, "salt": salt, "starter": starter, "total": total, "loaves": loaves, "each": round(total / loaves)}


def _river(r: Random) -> Values:
    w, d, v = r.randrange(6, 95), r.randrange(4, 42) / 10, r.randrange(3, 19) / 10
    area = round(w * d, 1)
    flow = round(area * v, 2)
    return {"w": w, "d": d, "v": v, "area": area, "flow": flow, "day": round(flow * 86400)}


def _weather(r: Random) -> Values:
    t = r.randrange(9, 30)
    spread = r.randrange(2, 10)
    base, over = spread * 125, r.randrange(35, 260, 5)
    return {"t": t, "td": t - spread, "spread": spread, "base": base, "over": over, "hill": base + over}


def _measure(r: Random) -> Values:
    fl, fw, zl, zw = r.randrange(210, 990, 5), r.randrange(120, 640, 5), r.randrange(12, 90), r.randrange(6, 60)
    return {
        "fl": fl, "fw": fw, "sqft": fl * fw, "sqm": round(fl * fw * 0.0929), "acres": round(fl * fw / 43560, 2),
        "zl": zl, "zw": zw, "sqz": zl * zw, "mu": round(zl * zw / 60, 2), "zm": round(zl * zw * 100 / 9),
    }  # fmt: skip


def _sky(r: Random) -> Values:
    au = r.choice([r.randrange(4, 27), r.randrange(42, 63), r.randrange(82, 106), r.randrange(181, 202)]) / 10
    mins = round(au * 8.3, 1)
    return {"au": au, "mins": mins, "both": round(2 * mins, 1), "hours": round(mins / 30, 1)}


def _bees(r: Random) -> Values:
    h, per, keep = r.randrange(2, 48), r.randrange(6, 32), r.randrange(12, 23)
    return {"h": h, "k": per + keep, "keep": keep, "per": per, "take": h * per, "jars": 2 * h * per}


def _pottery(r: Random) -> Values:
    s, wet, goal = r.randrange(6, 15), r.randrange(12, 65), r.randrange(10, 60)
    rest = (100 - s) / 100
    return {"s": s, "wet": wet, "loss": round(wet * s / 100, 2), "fired": round(wet * rest, 2), "goal": goal, "rest": rest, "need": round(goal / rest, 1)}


def _paper(r: Random) -> Values:
    sig, copies = r.randrange(5, 41), r.randrange(200, 5000, 20)
    sheets = sig * copies
    return {"pages": sig * 16, "sig": sig, "copies": copies, "sheets": sheets, "spoil": sheets // 20, "total": sheets + sheets // 20}


def _bridge(r: Random) -> Values:
    span, q = 2 * r.randrange(4, 31), r.randrange(6, 34)
    return {"span": span, "q": q, "load": span * q, "half": span * q // 2, "moment": q * span * span / 8}


def _soil(r: Random) -> Values:
    length, wid, dep = r.randrange(14, 86) / 10, r.randrange(8, 24) / 10, r.randrange(3, 16)
    area = round(length * wid, 2)
    litres = round(area * dep * 10, 1)
    return {"len": length, "wid": wid, "dep": dep, "area": area, "litres": litres, "raw": round(litres / 40, 2), "bags": math.ceil(litres / 40)}


def _clock(r: Random) -> Values:
    g, days, q = r.randrange(6, 75), r.randrange(5, 29), r.choice([4, 5, 8, 10, 12, 15, 16, 20])
    return {"g": g, "days": days, "tot": g * days, "m": g * days // 60, "sec": g * days % 60, "q": q, "turns": round(g / q, 2)}


def _map(r: Random) -> Values:
    cm, scale, climb = r.randrange(120, 980, 5) / 10, r.choice([25_000, 50_000, 20_000, 40_000]), r.randrange(80, 1200, 10)
    gcm = round(cm * scale)
    walk = round(gcm / 100_000 * 15)
    return {"cm": cm, "scale": scale, "gcm": gcm, "km": gcm / 100_000, "walk": walk, "climb": climb, "extra": climb // 10, "mins": walk + climb // 10}


def _salt(r: Random) -> Values:
    vol, evap = r.randrange(400, 9900, 20), r.randrange(20, 160, 5)
    kg = vol * 35 / 1000
    return {"vol": vol, "grams": vol * 35, "kg": kg, "nacl": round(kg * 0.77), "evap": evap, "days": round(vol / evap)}


def _weaving(r: Random) -> Values:
    cw, e, length = r.randrange(24, 180, 2), r.randrange(4, 19), r.randrange(15, 120) / 10
    ends = cw * e
    yarn = round(ends * (length + 1))
    return {"cw": cw, "e": e, "ends": ends, "len": length, "lenw": round(length + 1, 1), "yarn": yarn, "both": 2 * yarn}


def _bicycle(r: Random) -> Values:
    front, rear, cad = r.randrange(28, 54), r.randrange(12, 29), r.randrange(60, 101)
    ratio = round(front / rear, 2)
    per = round(ratio * 2.1, 2)
    mpm = round(per * cad, 1)
    return {"front": front, "rear": rear, "ratio": ratio, "per": per, "cad": cad, "mpm": mpm, "kmh": round(mpm * 60 / 1000, 1)}


def _tea(r: Random) -> Values:
    gper, pot, pots, tin = r.choice([1, 1.5, 2, 2.5, 3]), r.randrange(300, 1300, 20), r.randrange(1, 7), r.randrange(80, 520, 10)
    leaf = round(gper * pot / 100, 1)
    daily = round(leaf * pots, 1)
    return {"gper": gper, "pot": pot, "leaf": leaf, "pots": pots, "daily": daily, "tin": tin, "days": max(1, int(tin / daily))}


TOPIC_VALUES: dict[str, Callable[[Random], Values]] = {
    "bread": _bread, "river": _river, "weather": _weather, "measure": _measure, "sky": _sky, "bees": _bees, "pottery": _pottery,
    "paper": _paper, "bridge": _bridge, "soil": _soil, "clock": _clock, "map": _map, "salt": _salt, "weaving": _weaving,
    "bicycle": _bicycle, "tea": _tea,
}  # fmt: skip


# --- problems: values, plus `steps`, sentences that differ by language only in their connecting words ----------------------------------


def _gcd(r: Random, zh: bool) -> Values:
    g = r.randrange(3, 37)
    m, n = r.sample([7, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 34], 2)
    a, b = sorted((g * m, g * n), reverse=True)
    steps, x, y = [], a, b
    while y:
        steps.append(f"{x} = {x // y} × {y} + {x % y}")
        x, y = y, x % y
    return {"a": a, "b": b, "g": x, "ag": a // x, "bg": b // x, "steps": "；".join(steps) + "。" if zh else "; ".join(steps) + "."}


def _linear(r: Random, zh: bool) -> Values:
    while True:
        p, q, s, t = (r.randrange(2, 10) for _ in range(4))
        if q * s != t * p:
            break
    x, y = r.randrange(4, 40), r.randrange(4, 40)
    t1, t2 = p * x + q * y, s * x + t * y
    sign = 1 if q * s > t * p else -1
    return {
        "p": p, "q": q, "r": s, "s": t, "t1": t1, "t2": t2, "x": x, "y": y, "pr": p * s, "qr": q * s, "sp": t * p, "t1r": t1 * s, "t2p": t2 * p,
        "dy": sign * (q * s - t * p), "dt": sign * (t1 * s - t2 * p), "qy": q * y, "px": p * x,
    }  # fmt: skip


def _quadratic(r: Random, zh: bool) -> Values:
    w, d = r.randrange(5, 60), 2 * r.randrange(1, 20)
    return {"w": w, "d": d, "v": w + d, "area": w * (w + d), "hd": d // 2, "hd2": (d // 2) ** 2, "sq": (w + d // 2) ** 2, "root": w + d // 2}


def _mean(r: Random, zh: bool) -> Values:
    values = [r.randrange(8, 60) for _ in range(6)]
    out = r.randrange(120, 400)
    rest = sum(values) / 6
    values.insert(r.randrange(7), out)
    joint = "、" if zh else ", "
    mean = round(sum(values) / 7, 2)
    return {
        "list": joint.join(map(str, values)), "sorted": joint.join(map(str, sorted(values))), "sum": sum(values), "mean": mean,
        "median": sorted(values)[3], "out": out, "rest": round(rest, 2), "pull": round(sum(values) / 7 - rest, 2),
    }  # fmt: skip


def _interest(r: Random, zh: bool) -> Values:
    p, rate = r.randrange(200, 9800, 50), r.randrange(2, 13)
    y1 = round(p * (100 + rate) / 100, 2)
    y2 = round(y1 * (100 + rate) / 100, 2)
    y3 = round(y2 * (100 + rate) / 100, 2)
    s1 = p * rate / 100
    return {
        "p": p, "r": rate, "f": (100 + rate) / 100, "y1": y1, "y2": y2, "y3": y3, "s1": s1, "s3": 3 * s1, "simple": p + 3 * s1,
        "diff": round(y3 - p - 3 * s1, 2), "dbl": round(72 / rate, 1),
    }  # fmt: skip


def _primes(r: Random, zh: bool) -> Values:
    n = r.choice([k for k in range(211, 1400, 2) if k % 3 and k % 5])
    small = [p for p in range(2, math.isqrt(n) + 1) if all(p % d for d in range(2, p))]
    steps, verdict = [], f"没有一个能整除，所以 {n} 是质数。" if zh else f"None of them divides it, so {n} is prime."
    for p in small:
        steps.append(f"{n} ÷ {p} 余 {n % p}" if zh else f"{n} ÷ {p} leaves {n % p}")
        if n % p == 0:
            verdict = f"余数为零，{n} = {p} × {n // p}，所以它不是质数。" if zh else f"The remainder is zero and {n} = {p} × {n // p}, so it is not prime."
            break
    return {
        "n": n, "root": round(math.sqrt(n), 2), "top": small[-1], "cnt": len(steps), "verdict": verdict,
        "steps": "，".join(steps) + "。" if zh else ", ".join(steps) + ".",
    }  # fmt: skip


def _work(r: Random, zh: bool) -> Values:
    a = r.randrange(3, 17)
    b = a + r.randrange(1, 15)
    g = math.gcd(a + b, a * b)
    minutes = round(60 * a * b / (a + b))
    return {
        "a": a, "b": b, "ab": a * b, "num2": a + b, "num": (a + b) // g, "den": a * b // g, "t": round(a * b / (a + b), 2),
        "h": minutes // 60, "m": minutes % 60, "half": a / 2,
    }  # fmt: skip


def _binary(r: Random, zh: bool) -> Values:
    n = r.randrange(37, 1000)
    steps, x = [], n
    while x:
        steps.append(f"{x} ÷ 2 = {x // 2} 余 {x % 2}" if zh else f"{x} ÷ 2 = {x // 2} remainder {x % 2}")
        x //= 2
    bits = f"{n:b}"
    powers = " + ".join(str(1 << i) for i in reversed(range(len(bits))) if n >> i & 1)
    size = len(bits)
    return {
        "n": n, "bits": bits, "powers": powers, "len": size, "lo": size - 1, "plo": 1 << size - 1, "phi": 1 << size,
        "steps": "；".join(steps) + "。" if zh else "; ".join(steps) + ".",
    }  # fmt: skip


def _pythagoras(r: Random, zh: bool) -> Values:
    m = r.randrange(2, 12)
    k = r.randrange(1, m)
    a, b, c = m * m - k * k, 2 * m * k, m * m + k * k
    return {"a": a, "b": b, "c": c, "a2": a * a, "b2": b * b, "c2": c * c, "sum": a + b, "save": a + b - c, "m": m, "k": k}


def _dice(r: Random, zh: bool) -> Values:
    s, n = r.randrange(3, 12), r.randrange(72, 1200, 12)
    pairs = [(i, s - i) for i in range(1, 7) if 1 <= s - i <= 6]
    listed = ("、" if zh else ", ").join(f"({i}, {j})" for i, j in pairs)
    return {"s": s, "n": n, "k": len(pairs), "pairs": listed, "pct": round(len(pairs) / 0.36, 1), "exp": round(n * len(pairs) / 36, 1)}


def _search(r: Random, zh: bool) -> Values:
    n = r.randrange(13, 26)
    cards = sorted(r.sample(range(3, 300), n))
    x = r.choice(cards)
    lo, hi, steps = 0, n - 1, []
    while True:
        mid = (lo + hi) // 2
        card = cards[mid]
        if card == x:
            steps.append(f"再翻第 {mid + 1} 张，正是 {x}。" if zh else f"Card {mid + 1} shows {x}, which is the one.")
            break
        small = card < x
        where = ("右" if small else "左") if zh else ("right" if small else "left")
        steps.append(f"翻第 {mid + 1} 张，得 {card}，{'小' if small else '大'}了，往{where}找；" if zh else f"Card {mid + 1} shows {card}, too {'small' if small else 'large'}, so go {where}.")
        lo, hi = (mid + 1, hi) if small else (lo, mid - 1)
    return {
        "list": ("、" if zh else ", ").join(map(str, cards)), "x": x, "k": len(steps), "n": n, "max": n.bit_length(),
        "steps": "".join(steps) if zh else " ".join(steps),
    }  # fmt: skip


def _sort(r: Random, zh: bool) -> Values:
    n = r.randrange(6, 9)
    row = r.sample(range(2, 99), n)
    first, moves, steps = list(row), 0, []
    for i in range(1, n):
        j = i
        while j and row[j - 1] > row[j]:
            row[j - 1], row[j] = row[j], row[j - 1]
            j -= 1
        moves += i - j
        now = ("、" if zh else ", ").join(map(str, row))
        value = row[j]
        if i == j:
            steps.append(f"{value} 不动。" if zh else f"{value} stays.")
        else:
            steps.append(f"{value} 左移 {i - j} 位，得 {now}。" if zh else f"{value} moves {i - j} to the left: {now}.")
    return {
        "list": ("、" if zh else ", ").join(map(str, first)), "k": moves, "n": n, "n1": n - 1, "worst": n * (n - 1) // 2,
        "steps": "".join(steps) if zh else " ".join(steps),
    }  # fmt: skip


PROBLEM_VALUES: dict[str, Callable[[Random, bool], Values]] = {
    "gcd": _gcd, "linear": _linear, "quadratic": _quadratic, "mean": _mean, "interest": _interest, "primes": _primes, "work": _work,
    "binary": _binary, "pythagoras": _pythagoras, "dice": _dice, "search": _search, "sort": _sort,
}  # fmt: skip
