"""Who may read a document, as Onyx's indexing hands it over."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DocumentAccess:
    """Users, groups, and the public."""

    user_emails: set[str] = field(default_factory=set)
    user_groups: set[str] = field(default_factory=set)
    is_public: bool = False

    @classmethod
    def build(
        cls,
        user_emails: list[str | None],
        user_groups: list[str],
        external_user_emails: list[str],
        external_user_group_ids: list[str],
        is_public: bool,
    ) -> "DocumentAccess":
        emails = {email for email in (*user_emails, *external_user_emails) if email}
        return cls(emails, {*user_groups, *external_user_group_ids}, is_public)

    def to_acl(self) -> set[str]:
        entries = {f"user_email:{email}" for email in self.user_emails}
        entries |= {f"group:{group}" for group in self.user_groups}
        return entries | {"PUBLIC"} if self.is_public else entries
