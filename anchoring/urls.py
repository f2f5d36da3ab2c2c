from django.urls import path

from anchoring.views import api

urlpatterns = [
    path("log/checkpoint", api.checkpoint, name="log-checkpoint"),
    path("log/vkey", api.verifier_key, name="log-vkey"),
    path("log/tile/entries/<path:position>", api.entries, name="log-entries"),
    path("log/tile/<str:level>/<path:position>", api.tile, name="log-tile"),
    path("api/v1/log/receipts/<str:record_id>", api.ReceiptView.as_view(), name="log-receipt"),
]
