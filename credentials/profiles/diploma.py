"""Diploma, issued by the education bureau for a recognised institution."""

from __future__ import annotations

from credentials.profiles.fields import (
    ALWAYS,
    Profile,
    certificate_number,
    choice,
    date,
    group,
    rows,
    text,
    texts,
)
from credentials.profiles.people import birth_date, name_claims

_LEVELS = {
    "associate": texts("副學士", "副学士", "Diploma de associado", "Associate"),
    "bachelor": texts("學士", "学士", "Licenciatura", "Bachelor"),
    "master": texts("碩士", "硕士", "Mestrado", "Master"),
    "doctor": texts("博士", "博士", "Doutoramento", "Doctor"),
}

PROFILE = Profile(
    slug="diploma",
    version=1,
    agency="education",
    number_prefix="DP",
    validity_days=36500,
    name=texts("學位證書", "学位证书", "Diploma", "Diploma"),
    description=texts(
        "證明持有人在認可院校取得的學位。",
        "证明持有人在认可院校取得的学位。",
        "Certifica os graus obtidos pelo titular numa instituição reconhecida.",
        "Certifies the degrees that the holder obtained at a recognised institution.",
    ),
    claims=(
        *name_claims(),
        birth_date(),
        group(("institution",), texts("院校", "院校", "Instituição", "Institution")),
        text(
            ("institution", "name"),
            texts("院校名稱", "院校名称", "Nome da instituição", "Name of the institution"),
            max_length=120,
            disclosure=ALWAYS,
        ),
        text(
            ("institution", "country"),
            texts("國家或地區", "国家或地区", "País ou região", "Country or region"),
            max_length=60,
            disclosure=ALWAYS,
        ),
        rows(("degrees",), texts("學位", "学位", "Graus académicos", "Degrees"), most=3),
        group(("degrees", None), texts("學位", "学位", "Grau académico", "Degree")),
        choice(("degrees", None, "level"), texts("程度", "程度", "Nível", "Level"), _LEVELS, disclosure=ALWAYS),
        text(
            ("degrees", None, "title"),
            texts("學位名稱", "学位名称", "Designação do grau", "Title"),
            max_length=120,
            disclosure=ALWAYS,
        ),
        date(
            ("degrees", None, "awarded_on"),
            texts("頒授日期", "颁授日期", "Data de atribuição", "Date awarded"),
            disclosure=ALWAYS,
        ),
        text(
            ("degrees", None, "final_grade"),
            texts("總成績", "总成绩", "Classificação final", "Final grade"),
            required=False,
            max_length=20,
        ),
        text(
            ("student_number",),
            texts("學生編號", "学生编号", "Número de estudante", "Student number"),
            required=False,
            max_length=30,
            pattern="^[0-9A-Za-z-]+$",
        ),
        certificate_number(),
    ),
)
