"""How long addresses of DNS names are relied on."""

from agent.learnt_names import MAX_ADDRESSES, LearntNames


def test_an_address_lives_for_its_ttl_but_not_less_than_the_minimum() -> None:
    names = LearntNames(60)
    assert names.learn("a.test", [("192.0.2.1", 5), ("192.0.2.2", 100)], 1000)
    assert not names.expire(1059)
    assert names.expire(1061) == {"a.test"}
    assert names.addresses("a.test") == ("192.0.2.2",)
    assert names.expire(1101) == {"a.test"}
    assert names.names() == []


def test_the_same_answer_again_is_no_news_but_counts() -> None:
    names = LearntNames(0)
    names.learn("a.test", [("192.0.2.1", 10)], 0)
    assert not names.learn("a.test", [("192.0.2.1", 10)], 8)
    assert not names.expire(15)


def test_a_name_cannot_fill_the_memory() -> None:
    names = LearntNames(0)
    many = [(f"10.0.{number // 250}.{number % 250}", number + 1.0) for number in range(1100)]
    names.learn("a.test", many, 0)
    assert len(names.addresses("a.test")) == MAX_ADDRESSES
    assert "10.0.0.0" not in names.addresses("a.test")


def test_the_next_agent_knows_what_this_one_learnt() -> None:
    names = LearntNames(0)
    names.learn("a.test", [("192.0.2.1", 10)], 0)
    assert LearntNames(0, names.state()).addresses("a.test") == ("192.0.2.1",)
