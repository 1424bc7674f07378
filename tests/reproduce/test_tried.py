"""What a reproduced table says of a trial."""

from tests.support import jobs_of
from tlbench.reproduce.paper_runs import trial_words

DANN = ("pair=H-P", "method=dann", "search=dann", "search.trials=2")


def test_a_trial_is_what_it_sets_without_names_and_paths():
    named = [*DANN, "store=/far/away", "logger=none", "tags=[draft]", "group=mine", "data_dir=/data", "alpha=0.1"]
    default, drawn = [trial_words(job) for job in jobs_of(*named) if job.asked]
    assert default == "as it is"
    assert {word.split("=")[0] for word in drawn.split()} == {"method.weight", "method.gamma"}
    assert [trial_words(job) for job in jobs_of("pair=H-P", "method=dann", "store=/far/away")] == ["", ""]
