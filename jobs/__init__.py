"""What runs beside the web: the schedule, the scheduler, the server process."""
