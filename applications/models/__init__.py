from applications.models.apps import App, DemoFile, DeveloperProfile
from applications.models.cases import LIVES_IN_EVENTS, Application, CaseEvent, RequestedCapability, Revision
from applications.models.catalogue import Capability, Category
from applications.models.decisions import Appeal, Decision, DecisionItem
from applications.models.gates import GateResult, GateRun
from applications.models.grants import Grant, ReReview, StoreEnablement
from applications.models.messages import ApplicantMessage
from applications.models.notices import DingTalkRobot, MerchantConfirmation, NoticePreference, Notification
from applications.models.numbers import CalendarDay, RuleNumber
from applications.models.policies import PolicyCell, PolicyVersion
from applications.models.reviews import ChecklistVerdict, Claim, InternalNote, Reason
from applications.models.standing import Bar, DeveloperStanding, Strike

__all__ = [
    "LIVES_IN_EVENTS",
    "App",
    "Appeal",
    "ApplicantMessage",
    "Application",
    "Bar",
    "CalendarDay",
    "Capability",
    "CaseEvent",
    "Category",
    "ChecklistVerdict",
    "Claim",
    "Decision",
    "DecisionItem",
    "DemoFile",
    "DeveloperProfile",
    "DeveloperStanding",
    "DingTalkRobot",
    "GateResult",
    "GateRun",
    "Grant",
    "InternalNote",
    "MerchantConfirmation",
    "NoticePreference",
    "Notification",
    "PolicyCell",
    "PolicyVersion",
    "ReReview",
    "Reason",
    "RequestedCapability",
    "Revision",
    "RuleNumber",
    "StoreEnablement",
    "Strike",
]
