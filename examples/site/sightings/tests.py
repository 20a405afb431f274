from datetime import date

from django.conf import settings
from django.core.management import call_command
from django.test import TestCase, override_settings
from django.urls import reverse

from sightings.models import Sighting

# The manifest is made by collectstatic, which tests do not run.
STORAGES = {
    **settings.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@override_settings(STORAGES=STORAGES)
class SightingTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.wren = Sighting.objects.create(
            name="Wren", kind="bird", place="Mill pond", seen_on=date(2025, 3, 2), note="Loud."
        )

    def test_the_list_links_to_each_sighting(self) -> None:
        response = self.client.get(reverse("sightings"))
        self.assertContains(response, f'href="{self.wren.get_absolute_url()}"')

    def test_an_empty_list_says_so(self) -> None:
        Sighting.objects.all().delete()
        self.assertContains(self.client.get(reverse("sightings")), "Nothing yet.")

    def test_the_latest_sighting_comes_first(self) -> None:
        Sighting.objects.create(name="Robin", kind="bird", place="Hedge", seen_on=date(2025, 4, 1))
        names = [sighting.name for sighting in Sighting.objects.all()]
        self.assertEqual(names, ["Robin", "Wren"])

    def test_a_sighting_shows_its_note(self) -> None:
        self.assertContains(self.client.get(self.wren.get_absolute_url()), "Loud.")

    def test_the_api_lists_sightings(self) -> None:
        response = self.client.get(reverse("sighting-list"), headers={"accept": "application/json"})
        self.assertEqual(response.json()["results"][0]["name"], "Wren")

    def test_the_api_takes_nothing_from_strangers(self) -> None:
        self.assertEqual(self.client.post(reverse("sighting-list")).status_code, 403)

    def test_the_health_view_answers(self) -> None:
        self.assertEqual(self.client.get(reverse("health")).json(), {"status": "ok"})

    def test_the_first_sightings_load(self) -> None:
        call_command("loaddata", "first_sightings", verbosity=0)
        self.assertTrue(Sighting.objects.filter(name="Wood anemone").exists())
