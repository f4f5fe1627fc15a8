"""The shell of the three consoles: theme, navigation, log-in, language, dashboards."""
