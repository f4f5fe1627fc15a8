from campaigns.models.frequency import FrequencyRule, ScenarioRank
from campaigns.models.lifecycle import LifecycleRun, LifecycleSetting
from campaigns.models.messages import Message, MessageTemplate, PersonDayCounter, Receipt, StoreDayCounter, WakeUp
from campaigns.models.paid import PaidReminderRun, PaidReminderSetting
from campaigns.models.reminders import ReminderClock, ReminderRun, ReminderSetting

__all__ = [
    "FrequencyRule",
    "LifecycleRun",
    "LifecycleSetting",
    "Message",
    "MessageTemplate",
    "PaidReminderRun",
    "PaidReminderSetting",
    "PersonDayCounter",
    "Receipt",
    "ReminderClock",
    "ReminderRun",
    "ReminderSetting",
    "ScenarioRank",
    "StoreDayCounter",
    "WakeUp",
]
