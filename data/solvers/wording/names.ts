/** People, things and places for stories. */
export const people =
  'Amara Bilal Chen Dina Elif Farid Greta Hugo Ines Jonas Kofi Leila Mateo Nadia Omar Priya Quentin Rosa Sven Tariq Uma Viktor Wanda Xiu Yusuf Zoe'.split(
    ' ',
  );
export const things =
  'apples marbles stickers books pencils tickets coins cards shells buttons postcards bottles tiles magnets candles lemons badges batteries'.split(
    ' ',
  );
export const shops =
  'the market|a bakery|the corner shop|a garden centre|the school fair|a bookshop|the harbour kiosk|an online store'.split(
    '|',
  );
export const words =
  'river garden window lantern copper marble forest planet engine silver bottle candle market harbor violet pepper thunder meadow rocket button mirror basket ticket saddle walnut carpet dragon pencil island velvet orange puzzle summer guitar ladder magnet pocket ribbon shadow tunnel wizard anchor blanket cactus donkey falcon goblet hammer insect jacket kettle lizard muffin napkin oyster parrot quartz rabbit salmon turnip urchin valley wagon yogurt zipper'.split(
    ' ',
  );
