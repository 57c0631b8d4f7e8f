"""Running a campaign: forecast, start, pause, resume, stop, schedule, retry.

Every operation is one transaction that first compares and sets the campaign's state, so two
people pressing at once cannot start it twice.
"""

from ctm.mailing.control.counting import count_later, is_counting
from ctm.mailing.control.finishing import finish, finish_done
from ctm.mailing.control.forecasting import Forecast, forecast, left_out
from ctm.mailing.control.planning import schedule, start_due, unschedule
from ctm.mailing.control.queueing import is_queueing
from ctm.mailing.control.retrying import is_retrying, retry_failed
from ctm.mailing.control.running import pause, resume, start, stop
from ctm.mailing.control.waiting import Waiting, waiting

__all__ = [
    "Forecast",
    "Waiting",
    "count_later",
    "finish",
    "finish_done",
    "forecast",
    "is_counting",
    "is_queueing",
    "is_retrying",
    "left_out",
    "pause",
    "resume",
    "retry_failed",
    "schedule",
    "start",
    "start_due",
    "stop",
    "unschedule",
    "waiting",
]
