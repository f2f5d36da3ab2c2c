from django.urls import path

from anchoring.views import api, witness

urlpatterns = [
    path("log/checkpoint", api.checkpoint, name="log-checkpoint"),
    path("log/vkey", api.verifier_key, name="log-vkey"),
    path("log/tile/entries/<path:position>", api.entries, name="log-entries"),
    path("log/tile/<str:level>/<path:position>", api.tile, name="log-tile"),
    path("witness/add-checkpoint", witness.add_checkpoint, name="witness-add-checkpoint"),
    path("witness/vkey", witness.verifier_keys, name="witness-vkey"),
    path("witness/<str:origin_hash>/checkpoint", witness.cosigned_checkpoint, name="witness-checkpoint"),
    path("witness/<str:origin_hash>/tlog-proof", witness.entered_checkpoint, name="witness-tlog-proof"),
    path("api/v1/log/receipts/<str:record_id>", api.ReceiptView.as_view(), name="log-receipt"),
]
