"""Birth certificate, issued by the identification bureau."""

from __future__ import annotations

from credentials.profiles.fields import (
    ALWAYS,
    Profile,
    certificate_number,
    choice,
    date,
    derived,
    group,
    rows,
    text,
    texts,
)
from credentials.profiles.people import birth_date, name_claims

_SEX = {
    "female": texts("女", "女", "Feminino", "Female"),
    "male": texts("男", "男", "Masculino", "Male"),
}
_RELATION = {
    "mother": texts("母親", "母亲", "Mãe", "Mother"),
    "father": texts("父親", "父亲", "Pai", "Father"),
}

PROFILE = Profile(
    slug="birth-certificate",
    version=1,
    agency="identification",
    number_prefix="BC",
    validity_days=3650,
    name=texts("出生證明", "出生证明", "Certidão de nascimento", "Birth certificate"),
    description=texts(
        "證明出生登記所載的姓名、出生日期、出生地點及父母。",
        "证明出生登记所载的姓名、出生日期、出生地点及父母。",
        "Certifica o nome, a data e o local de nascimento e a filiação constantes do registo de nascimento.",
        "Certifies the name, date and place of birth and the parents as entered in the register of births.",
    ),
    claims=(
        *name_claims(),
        choice(("sex",), texts("性別", "性别", "Sexo", "Sex"), _SEX),
        birth_date(),
        group(("birth_place",), texts("出生地點", "出生地点", "Local de nascimento", "Place of birth")),
        text(
            ("birth_place", "locality"),
            texts("城市或堂區", "城市或堂区", "Localidade ou freguesia", "City or parish"),
            disclosure=ALWAYS,
        ),
        text(
            ("birth_place", "country"),
            texts("國家或地區", "国家或地区", "País ou região", "Country or region"),
            max_length=60,
            disclosure=ALWAYS,
        ),
        rows(("parents",), texts("父母", "父母", "Filiação", "Parents"), most=2, required=False),
        group(("parents", None), texts("父或母", "父或母", "Progenitor", "Parent")),
        text(("parents", None, "name"), texts("姓名", "姓名", "Nome", "Name"), disclosure=ALWAYS),
        choice(
            ("parents", None, "relation"),
            texts("關係", "关系", "Parentesco", "Relation"),
            _RELATION,
            disclosure=ALWAYS,
        ),
        text(
            ("registration_number",),
            texts("出生登記編號", "出生登记编号", "Número do registo", "Registration number"),
            max_length=20,
            pattern="^[0-9A-Za-z/-]+$",
            hint=texts(
                "只用數字、字母、- 和 /，例如 1234/2001。",
                "只用数字、字母、- 和 /，例如 1234/2001。",
                "Só algarismos, letras, - e /, por exemplo 1234/2001.",
                "Only digits, letters, - and /, for example 1234/2001.",
            ),
        ),
        date(
            ("registered_on",),
            texts("登記日期", "登记日期", "Data do registo", "Date of registration"),
        ),
        derived(
            ("age_over_18",),
            texts("年滿 18 歲", "年满 18 岁", "Maior de 18 anos", "Over 18"),
            "age_over_18",
            {"type": "boolean"},
        ),
        certificate_number(),
    ),
)
