from campaigns.models.messages import Message, MessageTemplate, PersonDayCounter, Receipt, StoreDayCounter
from campaigns.models.reminders import ReminderClock, ReminderRun, ReminderSetting

__all__ = ["Message", "MessageTemplate", "PersonDayCounter", "Receipt", "ReminderClock", "ReminderRun", "ReminderSetting", "StoreDayCounter"]
