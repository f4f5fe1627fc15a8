from campaigns.models.messages import Message, MessageTemplate, PersonDayCounter, Receipt, StoreDayCounter, WakeUp
from campaigns.models.paid import PaidReminderRun, PaidReminderSetting
from campaigns.models.reminders import ReminderClock, ReminderRun, ReminderSetting

__all__ = [
    "Message",
    "MessageTemplate",
    "PaidReminderRun",
    "PaidReminderSetting",
    "PersonDayCounter",
    "Receipt",
    "ReminderClock",
    "ReminderRun",
    "ReminderSetting",
    "StoreDayCounter",
    "WakeUp",
]
