"""All that a report says of a store, worked out once and shown by every format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tlbench.findings.evidence import Evidence, gather_evidence
from tlbench.reporting.sections.causes_section import causes_section
from tlbench.reporting.sections.classes_section import classes_section
from tlbench.reporting.sections.distance_sections import distances_of
from tlbench.reporting.sections.efficiency_sections import efficiency_sections
from tlbench.reporting.sections.ranking_sections import rankings_of
from tlbench.reporting.sections.references_section import references_of
from tlbench.reporting.sections.selection_sections import selections_of
from tlbench.reporting.sections.targets_section import targets_of
from tlbench.reporting.sections.trials_section import trials_section
from tlbench.reporting.sections.unmatched_section import unmatched_of
from tlbench.reporting.sections.warning_section import warnings_shown
from tlbench.reporting.sections.worst_cells_section import worst_cells_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlbench.findings.rule import Rule
    from tlbench.reporting.section import Section
    from tlbench.store.plans import Planned
    from tlbench.store.runs import RunStore
    from tlbench.store.table import Tables


@dataclass(frozen=True)
class Analysis:
    """A report's content: the evidence, and the parts that follow the main tables."""

    evidence: Evidence
    sections: list[Section] = field(default_factory=list)


def analyse(
    store: RunStore,
    tables: Tables,
    rule: Rule,
    *,
    mix_protocols: bool = False,
    plans: Planned | None = None,
    conditions: Sequence[str] = (),
) -> Analysis:
    """Work out all of a report; its parts come as questions are asked: did it hurt, why, would one have known.

    Args:
        plans: those that count, where they are not all of the store's.
        conditions: see `gather_evidence`.
    """
    found = gather_evidence(store, tables, rule, plans=plans, conditions=conditions)
    parts: list[Section | None] = [
        causes_section(found.causes),
        targets_of(found),
        classes_section(found.classes),
        worst_cells_section(found),
        references_of(found),
        unmatched_of(found),
        *rankings_of(found, mix_protocols=mix_protocols),
        *selections_of(found),
        *warnings_shown(found),
        trials_section(found.choice, found.rule.selection),
        *efficiency_sections(found.cells, found.configs, found.kept, found.rule),
        *distances_of(found),
    ]
    return Analysis(found, [part for part in parts if part is not None])
