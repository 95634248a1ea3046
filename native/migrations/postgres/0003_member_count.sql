-- How many are in the guild now, so that nobody has to count them: changed together with `members`.
ALTER TABLE guilds ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;

UPDATE guilds SET member_count =
    (SELECT COUNT(*) FROM members WHERE members.guild_id = guilds.id AND members.left_seq IS NULL);
