"""How good the labels are: against planted truth, against labels that come with real ads, and against simple rules."""
