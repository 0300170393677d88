"""What answers cost: by the author's price, else by the list that pydantic-ai brings."""

from __future__ import annotations

from pydantic_ai.messages import ModelResponse

from motia.agents.usage import Price, Usage


def usage_of(response: ModelResponse, price: Price | None) -> Usage:
    """What one answer cost: by the author's price, else by the list that pydantic-ai brings."""
    used = response.usage
    cost_usd = None if used.cost is None else float(used.cost)
    if price is not None:
        cost_usd = (used.input_tokens * price.input_usd + used.output_tokens * price.output_usd) / 1e6
    elif cost_usd is None:
        cost_usd = _listed_cost_usd(response)
    return Usage(calls=1, input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost_usd=cost_usd)


def has_listed_price(model_name: str, provider_name: str) -> bool:
    """Whether answers of this model can be priced without the author's help."""
    answer = ModelResponse(parts=[], model_name=model_name, provider_name=provider_name)
    return _listed_cost_usd(answer) is not None


def _listed_cost_usd(response: ModelResponse) -> float | None:
    if not response.model_name:
        return None
    try:
        return float(response.cost().total_price)
    except (LookupError, ValueError):  # no such model in the list, or counts that it cannot price
        return None
