"""Claims that name a person, the same in every type."""

from __future__ import annotations

from credentials.profiles.fields import Claim, date, text, texts


def name_claims() -> tuple[Claim, ...]:
    return (
        text(
            ("name_zh",),
            texts("中文姓名", "中文姓名", "Nome em chinês", "Name in Chinese"),
            required=False,
            max_length=40,
            initial="name",
        ),
        text(
            ("family_name",),
            texts("姓氏（葡文或英文）", "姓氏（葡文或英文）", "Apelido", "Family name"),
            max_length=60,
        ),
        text(
            ("given_name",),
            texts("名字（葡文或英文）", "名字（葡文或英文）", "Nome próprio", "Given names"),
            max_length=60,
        ),
    )


def birth_date() -> Claim:
    label = texts("出生日期", "出生日期", "Data de nascimento", "Date of birth")
    return date(("birth_date",), label, source="birth_date")
