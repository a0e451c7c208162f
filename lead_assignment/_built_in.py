"""The built-in strategies, where their entry points find them from a checkout and from the wheel alike."""

from app.engine.strategies.account import AccountStrategy
from app.engine.strategies.product import ProductStrategy
from app.engine.strategies.queue import QueueStrategy
from app.engine.strategies.round_robin import RoundRobinStrategy
from app.engine.strategies.rule import RuleStrategy
from app.engine.strategies.score import ScoreStrategy

__all__ = [
    "AccountStrategy",
    "ProductStrategy",
    "QueueStrategy",
    "RoundRobinStrategy",
    "RuleStrategy",
    "ScoreStrategy",
]
