from lockgate.model.selector import LabelSelector, Requirement

LABELS = {"app": "web", "tier": ""}


def test_each_operator() -> None:
    assert Requirement("app", "In", ("db", "web")).matches(LABELS)
    assert not Requirement("other", "In", ("web",)).matches(LABELS)
    assert not Requirement("app", "NotIn", ("web",)).matches(LABELS)
    assert Requirement("other", "NotIn", ("web",)).matches(LABELS)
    assert Requirement("tier", "Exists").matches(LABELS)
    assert Requirement("other", "DoesNotExist").matches(LABELS)


def test_all_requirements_must_hold_and_none_selects_everything() -> None:
    web = LabelSelector((Requirement("app", "In", ("web",)),))
    assert web.matches(LABELS)
    assert not web.also(Requirement("tier", "DoesNotExist")).matches(LABELS)
    assert LabelSelector().matches({})


def test_a_selector_reads_as_on_the_command_line() -> None:
    web = LabelSelector((Requirement("app", "In", ("web",)),))
    assert str(web.also(Requirement("x", "NotIn", ("a", "b")))) == "app=web,x notin (a,b)"
    assert str(LabelSelector()) == "<all>"
