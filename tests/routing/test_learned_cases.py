"""Prompts by hand, each looked at by a person: the tiers that are right for it, in eight languages, typos and traps.

Where two tiers are right, both are named. None of them was learned from but the bare greetings.
"""

from __future__ import annotations

import pytest

from pointsman.classification import shipped_weights
from pointsman.core.catalog import Tier
from pointsman.core.decision import PromptFeatures
from pointsman.routing.learned.scorer import Scorer

S, M, C, R = Tier
CASES: list[tuple[str, frozenset[Tier]]] = [
    (prompt, frozenset(tiers))
    for prompt, *tiers in (
        # English, plain prompts
        ("good evening", S),
        ("What's the boiling point of water at sea level?", S),
        ("Who painted Guernica?", S),
        ("Define photosynthesis.", S),
        ("how many ounces in a pound", S),
        ("Explain how a hash map handles collisions.", S, M),
        ("Write a function that merges two sorted lists.", M),
        ("Compare REST and GraphQL for a public API.", M),
        ("Write unit tests for a function that parses dates.", M),
        ("Write a haiku about autumn rain", S, M),
        ("Review this pull request description and suggest improvements.", M),
        ("Design a multi-region payment system with exactly-once processing, audit trail and failover.", C),
        (
            "Build a complete web crawler in Go with politeness, deduplication, retries and a distributed frontier.",
            C,
            R,
        ),
        ("Prove that every finite integral domain is a field.", R),
        ("Derive the closed form of the Catalan numbers from their generating function.", C, R),
        ("Prove by induction that the sum of the first n odd numbers is n squared.", R),
        # typos and casual
        ("waht is teh capitl of italy", S, M),
        ("hw do i boil an eg", S, M),
        ("pls wriet a fucntion too revers a string", S, M),
        ("so yeah can u prove that sqrt(3) is irrational", C, R),
        # traps by words
        ("What does the acronym API stand for?", S),
        ("How do you spell 'algorithm'?", S),
        ("In which year was the book 'Design Patterns' published?", S),
        ("What is the opposite of 'prove'?", S),
        # traps by code
        ('What language is this?\n\nfn main() { println!("hi"); }', S, M),
        ("Is this JSON or YAML?\n\nname: x\nversion: 1", S, M),
        # traps: long but easy
        (
            "Thank you so much for all your help so far, it was really lovely of you! " * 8
            + "What time is it in UTC+0 at noon?",
            S,
            M,
        ),
        ("Please only answer yes or no: is the sky blue on a clear day?", S, M),
        # traps: short but hard
        ("Prove Fermat's little theorem.", C, R),
        ("Show that there are infinitely many primes of the form 4k+3.", C, R),
        # a polite wrapper
        ("Hello! I hope you're well. Would you be so kind as to tell me the capital of Norway? Many thanks!", S, M),
        # German
        ("Hallo", S),
        ("Was ist die Hauptstadt von Österreich?", S),
        ("Übersetze ins Englische: Guten Abend", S, M),
        ("Schreibe eine Funktion, die prüft, ob eine Zahl eine Primzahl ist.", M),
        ("Beweise, dass die Menge der reellen Zahlen überabzählbar ist.", R),
        ("Entwirf eine skalierbare Chat-Plattform mit Ende-zu-Ende-Verschlüsselung und Offline-Synchronisation.", C),
        # French
        ("Bonjour !", S),
        ("Quelle est la capitale du Portugal ?", S),
        ("Explique la différence entre TCP et UDP.", M),
        ("Démontre que la racine carrée de 5 est irrationnelle.", R),
        # Spanish
        ("¿Cuál es la capital de Perú?", S),
        ("Escribe una función que invierta una lista.", S, M),
        ("Demuestra que hay infinitos números primos.", C, R),
        ("Diseña un sistema distribuido de reservas con consistencia fuerte y tolerancia a fallos.", C),
        # Portuguese
        ("Qual é a capital da Austrália?", S),
        ("Explique como funciona o aprendizado por reforço.", M),
        ("Prove que a soma dos ângulos de um triângulo é 180 graus.", R),
        # Russian
        ("Привет", S),
        ("Какая столица Канады?", S),
        ("Напиши функцию для сортировки массива.", S, M),
        ("Докажи, что множество простых чисел бесконечно.", R),
        # Chinese
        ("你好", S),
        ("法国的首都是哪里?", S),
        ("解释一下什么是数据库索引", S, M),
        ("写一个函数判断字符串是否是回文", S, M),
        ("证明素数有无穷多个", C, R),
        ("设计一个支持高并发的秒杀系统,包括库存、限流和容灾", C),
        # Japanese
        ("こんにちは", S),
        ("日本の首都はどこですか?", S),
        ("二分探索を実装してください", M),
        ("マイクロサービスの電子商取引システムを設計してください", C),
        # Korean
        ("안녕하세요", S),
        ("한국의 수도는 어디입니까?", S, M),
        ("루트 2가 무리수임을 증명하시오", C, R),
    )
]


WRONG = {
    "Define photosynthesis.": "medium: three tokens are little to go by",
    "how many ounces in a pound": "medium: numbers that are asked for",
    "Compare REST and GraphQL for a public API.": "complex, barely",
    "In which year was the book 'Design Patterns' published?": "medium: the bait works",
    "What is the opposite of 'prove'?": "medium: the bait works",
    "Prove que a soma dos ângulos de um triângulo é 180 graus.": "complex: few Portuguese proofs were learned from",
    "Explique como funciona o aprendizado por reforço.": "complex, barely",
    CASES[26][0]: "complex, barely: eight times thanks make it long",
}
"""What the shipped weights get wrong, and how: one tier, each of them."""


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """The classifier as it ships."""
    return Scorer(weights=shipped_weights())


@pytest.mark.parametrize(("prompt", "right"), CASES, ids=[prompt[:40] for prompt, _ in CASES])
def test_a_prompt_gets_a_tier_that_is_right_for_it(scorer: Scorer, prompt: str, right: frozenset[Tier]) -> None:
    """Each was looked at by itself; one of those in WRONG may be a single tier off."""
    judged = scorer.judge(PromptFeatures(ask=prompt, estimated_input_tokens=len(prompt) // 4))
    allowed = {tier for tier in Tier if min(abs(tier.rank - one.rank) for one in right) <= (prompt in WRONG)}
    assert judged.tier in allowed, (judged.tier.value, judged.assessment)


def test_the_list_of_what_is_wrong_names_real_cases() -> None:
    """At most one in eight."""
    assert {prompt for prompt, _ in CASES} >= WRONG.keys()
    assert len(CASES) >= 60
    assert len(WRONG) * 8 <= len(CASES)
