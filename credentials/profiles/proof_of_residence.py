"""Proof of residence, issued by the identification bureau."""

from __future__ import annotations

from credentials.profiles.fields import (
    Profile,
    certificate_number,
    choice,
    date,
    group,
    text,
    texts,
)
from credentials.profiles.people import birth_date, name_claims

_STATUS = {
    "permanent": texts("永久性居民", "永久性居民", "Residente permanente", "Permanent resident"),
    "non_permanent": texts("非永久性居民", "非永久性居民", "Residente não permanente", "Non-permanent resident"),
}
_PARISHES = {
    "santo_antonio": texts("聖安多尼堂區（花王堂區）", "圣安多尼堂区（花王堂区）", "Santo António", "Santo António"),
    "fatima": texts("花地瑪堂區", "花地玛堂区", "Nossa Senhora de Fátima", "Nossa Senhora de Fátima"),
    "sao_lazaro": texts("望德堂區", "望德堂区", "São Lázaro", "São Lázaro"),
    "se": texts("大堂區", "大堂区", "Sé", "Sé"),
    "sao_lourenco": texts("風順堂區", "风顺堂区", "São Lourenço", "São Lourenço"),
    "taipa": texts("嘉模堂區（氹仔）", "嘉模堂区（氹仔）", "Nossa Senhora do Carmo (Taipa)", "Taipa"),
    "coloane": texts("聖方濟各堂區（路環）", "圣方济各堂区（路环）", "São Francisco Xavier (Coloane)", "Coloane"),
}

PROFILE = Profile(
    slug="proof-of-residence",
    version=1,
    agency="identification",
    number_prefix="PR",
    validity_days=90,
    name=texts("居住證明", "居住证明", "Certidão de residência", "Proof of residence"),
    description=texts(
        "證明持有人的居民身份、居住地址及居住起始日期。",
        "证明持有人的居民身份、居住地址及居住起始日期。",
        "Certifica o estatuto de residente, a morada e a data de início da residência do titular.",
        "Certifies the holder's resident status, address and the date residence began.",
    ),
    claims=(
        *name_claims(),
        birth_date(),
        choice(
            ("residence_status",), texts("居民身份", "居民身份", "Estatuto de residente", "Resident status"), _STATUS
        ),
        group(("address",), texts("居住地址", "居住地址", "Morada", "Address")),
        text(
            ("address", "street_address"),
            texts("街道及門牌", "街道及门牌", "Rua e número", "Street and number"),
            max_length=200,
        ),
        text(
            ("address", "building"),
            texts("大廈、樓層及單位", "大厦、楼层及单位", "Edifício, andar e fração", "Building, floor and unit"),
            max_length=120,
            required=False,
        ),
        choice(("address", "parish"), texts("堂區", "堂区", "Freguesia", "Parish"), _PARISHES),
        date(
            ("resident_since",),
            texts("居住起始日期", "居住起始日期", "Residente desde", "Resident since"),
        ),
        certificate_number(),
    ),
)
