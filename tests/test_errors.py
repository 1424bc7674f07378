import pickle

import pytest

from tlbench.errors import Diverged, TlbenchError, unknown


def test_an_unknown_word_is_answered_with_the_nearest_known_one():
    text = str(unknown("domain", "webcm", ["amazon", "webcam", "dslr"], "pair=amazon-webcm"))
    assert (
        text == "Unknown domain 'webcm'. Did you mean 'webcam'? Known: amazon, dslr, webcam. Set by pair=amazon-webcm."
    )


def test_a_word_like_none_of_them_gets_no_guess():
    assert "Did you mean" not in str(unknown("domain", "zzz", ["amazon", "webcam"]))
    assert "None is known here." in str(unknown("domain", "zzz", []))
    assert isinstance(unknown("domain", "zzz", []), TlbenchError)


def test_a_divergence_keeps_step_and_term_between_processes():
    back = pickle.loads(pickle.dumps(Diverged(7, "mmd")))
    assert (back.step, back.term) == (7, "mmd")
    assert str(back) == "term 'mmd' is not finite at step 7"


def test_no_users_mistake_has_a_traceback(capsys):
    from tlbench.cli import main

    assert main(["list", "method"]) == 2
    assert capsys.readouterr().err.startswith("tlbench: Unknown list 'method'. Did you mean 'methods'?")
    with pytest.raises(SystemExit):
        main(["swep"])


@pytest.mark.parametrize(
    "command",
    [
        ["report", "--store"], ["dashboard", "--store"], ["store", "check", "--store"], ["store", "compact", "--store"],
        ["store", "export", "--csv", "x.csv", "--store"], ["list", "methods", "--config-dir"],
        ["run", "pair=H-P", "--config-dir"],
    ],
)  # fmt: skip
def test_a_name_that_no_file_system_takes_has_no_traceback(command, capsys):
    from tlbench.cli import main

    assert main([*command, 300 * "x"]) == 2
    assert capsys.readouterr().err == f"tlbench: File name too long: '{300 * 'x'}'.\n"
