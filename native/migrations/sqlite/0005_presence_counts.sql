-- How many members of a guild others see as not offline, so that nobody has to look through all of them: changed together with
-- `presences.shown` and `members`. No row stands for 0. `guild_id` is SQLite's own row number, so that a count costs one tree.
CREATE TABLE presence_counts (
    guild_id INTEGER NOT NULL PRIMARY KEY REFERENCES guilds (id) ON DELETE CASCADE,
    online BIGINT NOT NULL
);

INSERT INTO presence_counts (guild_id, online)
    SELECT guilds.id, COUNT(*) FROM guilds
    JOIN members ON members.guild_id = guilds.id AND members.left_seq IS NULL
    JOIN presences ON presences.user_id = members.user_id AND presences.shown IS NOT NULL
    GROUP BY guilds.id;
