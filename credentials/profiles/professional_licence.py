"""Professional licence, issued by the labour bureau."""

from __future__ import annotations

from credentials.profiles.fields import (
    Profile,
    certificate_number,
    choice,
    date,
    rows,
    text,
    texts,
)
from credentials.profiles.people import birth_date, name_claims

_PROFESSIONS = {
    "electrician": texts("電工", "电工", "Eletricista", "Electrician"),
    "lift_technician": texts("升降機技術員", "电梯技术员", "Técnico de elevadores", "Lift technician"),
    "crane_operator": texts("起重機操作員", "起重机操作员", "Operador de grua", "Crane operator"),
    "safety_officer": texts("職業安全員", "职业安全员", "Técnico de segurança", "Safety officer"),
    "tour_guide": texts("導遊", "导游", "Guia turístico", "Tour guide"),
}
_GRADES = {
    "basic": texts("初級", "初级", "Básico", "Basic"),
    "intermediate": texts("中級", "中级", "Intermédio", "Intermediate"),
    "advanced": texts("高級", "高级", "Avançado", "Advanced"),
}

PROFILE = Profile(
    slug="professional-licence",
    version=1,
    agency="labour",
    number_prefix="PL",
    validity_days=730,
    name=texts("專業執照", "专业执照", "Licença profissional", "Professional licence"),
    description=texts(
        "證明持有人獲准從事某一專業及可作業的範圍。",
        "证明持有人获准从事某一专业及可作业的范围。",
        "Certifica que o titular está autorizado a exercer uma profissão e em que atividades.",
        "Certifies that the holder may practise a profession, and in which activities.",
    ),
    claims=(
        *name_claims(),
        birth_date(),
        choice(("profession",), texts("專業", "专业", "Profissão", "Profession"), _PROFESSIONS),
        choice(("grade",), texts("級別", "级别", "Grau", "Grade"), _GRADES),
        text(
            ("licence_number",),
            texts("執照編號", "执照编号", "Número da licença", "Licence number"),
            max_length=30,
            pattern="^[0-9A-Za-z/-]+$",
        ),
        date(
            ("licensed_since",),
            texts("執業起始日期", "执业起始日期", "Licenciado desde", "Licensed since"),
        ),
        rows(
            ("activities",),
            texts("獲准作業範圍", "获准作业范围", "Atividades autorizadas", "Authorised activities"),
            most=4,
        ),
        text(
            ("activities", None),
            texts("作業範圍", "作业范围", "Atividade", "Activity"),
        ),
        text(
            ("restrictions",),
            texts("限制", "限制", "Restrições", "Restrictions"),
            required=False,
            max_length=300,
            widget="textarea",
        ),
        certificate_number(),
    ),
)
