"""Medical prescription, issued by the health bureau and dispensed once."""

from __future__ import annotations

from credentials.profiles.fields import ALWAYS, Profile, certificate_number, date, group, rows, text, texts
from credentials.profiles.people import birth_date, name_claims

PROFILE = Profile(
    slug="prescription",
    version=1,
    agency="health",
    number_prefix="RX",
    validity_days=30,
    units=1,
    name=texts("電子處方", "电子处方", "Receita médica", "Prescription"),
    description=texts(
        "列明醫生處方的藥物；配藥一次後即用完。",
        "列明医生处方的药物；配药一次后即用完。",
        "Indica os medicamentos receitados; é aviada uma única vez.",
        "States the medicines prescribed; it is dispensed once.",
    ),
    claims=(
        *name_claims(),
        birth_date(),
        rows(("medicines",), texts("藥物", "药物", "Medicamentos", "Medicines"), most=10),
        group(("medicines", None), texts("藥物", "药物", "Medicamento", "Medicine")),
        text(
            ("medicines", None, "name"),
            texts("藥名及劑型", "药名及剂型", "Nome e forma", "Name and form"),
            max_length=120,
            disclosure=ALWAYS,
        ),
        text(
            ("medicines", None, "quantity"),
            texts("數量", "数量", "Quantidade", "Quantity"),
            max_length=40,
            disclosure=ALWAYS,
        ),
        text(
            ("medicines", None, "directions"),
            texts("用法", "用法", "Posologia", "Directions"),
            max_length=200,
            disclosure=ALWAYS,
        ),
        text(
            ("prescriber",),
            texts("處方醫生及執照編號", "处方医生及执照编号", "Médico e número da licença", "Prescriber and licence"),
            max_length=120,
        ),
        date(("prescribed_on",), texts("處方日期", "处方日期", "Data da receita", "Date prescribed")),
        certificate_number(),
    ),
)
