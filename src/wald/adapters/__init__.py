"""Floor 3: the losses in other people's tools. A tool is imported when its name here is first used."""
