"""The exam of noisy addresses is one: as long as asked, made again by its seed, answerable, with nobody's number."""

import re
from collections import Counter

import address_noise
import misread_characters
import numpy as np
import pytest
from noisy_addresses import TARGETS, gazetteer, noisy


@pytest.fixture(scope="module")
def exam():
    return noisy(5000, 1)


def kinds(exam):
    return Counter(kind for told in exam["kind_of_noise"] for kind in told.split("+"))


def test_the_exam_is_long_and_made_again_by_its_seed(exam):
    assert len(exam) == 5000
    assert exam["text"].nunique() > 4500
    assert noisy(300, 7).equals(noisy(300, 7))
    assert not noisy(300, 7).equals(noisy(300, 8))


def test_every_kind_of_target_and_noise_occurs(exam):
    found = kinds(exam)
    for name in (*TARGETS, *address_noise.NOISE, "clean"):
        assert found[name] >= 20, name


def test_truths_are_rows_of_the_table_or_junctions(exam):
    table, crossings, _ = gazetteer()
    points = {**dict(zip(table["address"], zip(table["x"], table["y"], strict=True), strict=True))}
    points |= {f"{a}与{b}路口": found[0] for (a, b), found in crossings.items()}
    for row in exam.itertuples():
        assert points[row.truth_address] == (row.x, row.y)
        assert (row.x, row.y) not in row.alternatives


LEFT_ALONE = "short|plain|clean|blanks|punctuation|wrong_character|slip|full_width"
"""Noises that put no other number beside the right one and leave its digits digits."""


def test_no_number_is_changed(exam):
    doors = exam[exam["kind_of_noise"].str.fullmatch(rf"door(\+({LEFT_ALONE}))*")]
    assert len(doors) > 800
    full_width = {0xFF10 + d: 0x30 + d for d in range(10)}
    for row in doors.itertuples():
        said = "".join(re.findall(r"\d", row.text.translate(full_width)))
        assert said == "".join(re.findall(r"\d", row.truth_address)), row.text


def test_a_misspelt_name_is_nearest_to_the_right_one(exam):
    names = gazetteer()[2]
    wrong = exam[exam["kind_of_noise"].isin(["door+wrong_character", "door+slip"])]
    assert len(wrong) > 30
    for row in wrong.itertuples():
        road = re.search(r"(?:街道|镇)(\D+)\d+号$", row.truth_address)[1]
        said = re.search(rf"(.{{{len(road)}}})\d+号$", row.text)[1]
        assert misses(said, road) == 1
        assert {name for name in names if len(name) == len(said) and misses(said, name) <= 1} == {road}, row.text


def misses(one, two):
    """How many characters differ."""
    return sum(a != b for a, b in zip(one, two, strict=True))


def test_wrong_characters_differ_from_the_right_ones():
    pairs = misread_characters.pairs()
    assert sum(len(wrong) for wrong in pairs.values()) >= 80
    assert all(right not in wrong for right, wrong in pairs.items())


SPELT = {"97": "九十七", "10": "十", "12": "十二", "105": "一百零五", "110": "一百一十", "263": "二百六十三"}


@pytest.mark.parametrize(("digits", "said"), SPELT.items())
def test_numerals_are_spelt_as_people_say_them(digits, said):
    assert address_noise._chinese(digits) == said


def test_nobody_can_be_called(exam):
    for text in exam["text"]:
        assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", text), text
        assert all(run.startswith("000") for run in re.findall(r"\d{11,}", text)), text


def test_points_lie_in_the_district(exam):
    table = gazetteer()[0]
    low, high = table[["x", "y"]].min() - 500, table[["x", "y"]].max() + 500
    assert np.all((exam[["x", "y"]] >= low) & (exam[["x", "y"]] <= high))
