"""What a card on the Hub states of its dataset, whoever wrote it."""

from __future__ import annotations

from typing import Any


def dataset_rows(card: str) -> dict[str, int]:
    """Read how many rows a card says that each config has, whoever wrote it.

    Returns:
        Config to rows, over all splits; empty where the card has no `dataset_info`, or none that can be read.
    """
    from huggingface_hub import DatasetCard

    # Of a card without YAML the client logs a line that nobody asked for.
    if not card.removeprefix("\ufeff").lstrip().startswith("---"):
        return {}
    try:
        data: dict[str, Any] = DatasetCard(card, ignore_metadata_errors=True).data.to_dict()  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 (the YAML parser's, which is a dependency of the client and none of ours)
        return {}
    stated = data.get("dataset_info") or []
    infos = stated if isinstance(stated, list) else [stated]
    return {
        info.get("config_name", "default"): sum(split["num_examples"] for split in info.get("splits", []))
        for info in infos
    }
