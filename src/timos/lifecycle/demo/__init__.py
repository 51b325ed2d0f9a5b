"""Half a year of somebody who does not exist, to look at TimOS with."""
